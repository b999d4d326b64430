INSERT INTO film VALUES ('Sunrise'), ('M');
