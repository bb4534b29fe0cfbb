"""The browser's side as the hub serves it: versioned files, pages in two languages, error pages, the service worker."""
