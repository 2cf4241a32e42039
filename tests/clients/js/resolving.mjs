// Modules elsewhere, such as generated ones, find the packages that are installed here.

import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    const isPackage = /^[a-z@]/.test(specifier) && !specifier.includes(":");
    return next(specifier, isPackage ? { ...context, parentURL: import.meta.url } : context);
  },
});
