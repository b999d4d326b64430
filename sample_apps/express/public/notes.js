"use strict";
document.title += ` (${document.querySelectorAll("li.open").length} open)`;
