const path = require("path");
const express = require("express");
const serveStatic = require("serve-static");

const app = express();
const of = name => path.dirname(require.resolve(`${name}/package.json`));
app.get("/", (_request, response) => response.sendFile(path.join(__dirname, "index.html")));
app.use("/bootstrap", express.static(path.join(of("bootstrap"), "dist")));
app.use("/icons", serveStatic(path.join(__dirname, "node_modules/bootstrap-icons/font")));
app.use("/vendor", express.static("node_modules/htmx.org/dist"));
app.use(express.static("public", { maxAge: 3600 }));
app.listen(3000);
