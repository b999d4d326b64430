document.title = "Ferry";
