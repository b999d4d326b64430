"""Open pages in a headless Chromium, so that their scripts build them and ask for what they need.

The browser has no network. Each request of a page goes to slimmer, which sends it if it may be sent, and gives the answer back. So
nothing but the app's own origin can be reached, whatever a page tries.

`program` finds the browser, `browser` starts a worker process and talks to it, `worker` drives the browser with playwright, `launch`
confines the browser before it starts, and `flags` are its arguments. `page_request` says what may be sent, and `pages` which pages to open.
"""
