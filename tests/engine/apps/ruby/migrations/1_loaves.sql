CREATE TABLE loaf (name TEXT);
