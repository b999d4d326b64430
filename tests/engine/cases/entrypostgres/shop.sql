create extension pgcrypto;
create table item (id serial primary key, name text unique not null, price numeric(8, 2), tags jsonb);
insert into item (name, price, tags) values ('nails', 1.25, '{"metal": true}'), ('boards', 8.50, '{"wood": true}');
create function total() returns numeric language plpgsql as $$ begin return (select sum(price) from item); end $$;
