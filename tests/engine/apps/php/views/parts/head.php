<!doctype html><title>Cinema</title><link rel="stylesheet" href="/site.css">
