import { ConvexProviderWithAuth, ConvexReactClient } from "convex/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";
import { FailuresProvider } from "./failures";
import { SessionProvider, useTestIssuer } from "./session";
import "./style.css";

// the backend is where this page comes from, or the development server passes everything on to it
const client = new ConvexReactClient(window.location.origin);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <SessionProvider>
      <ConvexProviderWithAuth client={client} useAuth={useTestIssuer}>
        <FailuresProvider>
          <App />
        </FailuresProvider>
      </ConvexProviderWithAuth>
    </SessionProvider>
  </StrictMode>,
);
