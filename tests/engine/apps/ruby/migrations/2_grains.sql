INSERT INTO loaf VALUES ('Rye'), ('Emmer');
