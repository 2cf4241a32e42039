import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// where `confect dev` runs: the page that `npm run dev` serves finds everything below its own address
const backend = "http://127.0.0.1:3210";

export default defineConfig({
  root: "web",
  plugins: [react()],
  build: { emptyOutDir: true },
  server: {
    proxy: {
      "/api": { target: backend, ws: true },
      "/test-issuer": backend,
    },
  },
});
