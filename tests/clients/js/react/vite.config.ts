import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  plugins: [react()],
  // the generated types lie outside of this folder, and so do not find the package by themselves
  resolve: { dedupe: ["convex"] },
  // React does everything twice in StrictMode only while it is told that this is development
  define: { "process.env.NODE_ENV": JSON.stringify("development") },
  build: { emptyOutDir: true, target: "es2022" },
});
