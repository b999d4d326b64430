CREATE TABLE book (title TEXT, author_id INTEGER);
INSERT INTO author VALUES (1, 'Herman Melville');
INSERT INTO book VALUES ('Moby-Dick', 1), ('Typee', 1);
