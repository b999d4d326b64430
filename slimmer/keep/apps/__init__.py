"""Analyzers for kinds of applications: what belongs to a site, a plug-in folder, a database or a web server."""
