"use strict";

const path = require("node:path");
const compression = require("compression");
const express = require("express");

const NOTES = [
  { id: 1, title: "Buy bread", done: true },
  { id: 2, title: "Mend the net", done: false },
  { id: 3, title: "Paint the boat", done: false },
];

const app = express();
app.set("views", path.join(__dirname, "views"));
app.set("view engine", "ejs");
app.use(compression());
app.use(express.static(path.join(__dirname, "public")));
app.use(express.json());
app.use(express.urlencoded({ extended: false }));

app.get("/", (request, response) => {
  response.render("index", { notes: NOTES });
});

app.get("/notes/:id", (request, response, next) => {
  const note = NOTES.find(({ id }) => String(id) === request.params.id);
  if (!note) return next();
  response.render("note", { note });
});

app.get("/api/notes", (request, response) => {
  const open = "open" in request.query;
  response.json(NOTES.filter((note) => !open || !note.done));
});

app.post("/api/notes", (request, response) => {
  const title = request.body.title;
  if (!title) return response.status(422).json({ error: "a note needs a title" });
  response.status(201).json({ id: NOTES.length + 1, title, done: false });
});

app.use((request, response) => {
  response.status(404).render("not-found", { address: request.path });
});

const server = app.listen(process.env.PORT || 3000, () => {
  console.log(`listening on port ${server.address().port}`);
});

process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
