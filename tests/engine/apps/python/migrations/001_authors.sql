CREATE TABLE author (author_id INTEGER PRIMARY KEY, name TEXT);
