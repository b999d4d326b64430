CREATE TABLE film (title TEXT);
