document.title = "Museum";
