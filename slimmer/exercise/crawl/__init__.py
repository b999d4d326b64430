"""Follow the links of an app's pages, and find a few requests that open every file that the pages opened.

`links` says what a document links, `origin` which of these are the app's own, `shape` which URLs are alike, `frontier` what to ask
next and when to stop. `crawler` asks.
"""
