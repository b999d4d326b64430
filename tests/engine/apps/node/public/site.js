document.title += " at night";
