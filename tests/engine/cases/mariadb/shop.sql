create database shop character set utf8mb4;
create table shop.item (id int primary key, name varchar(40)) engine=innodb;
insert into shop.item values (1, 'nails'), (2, 'Dübel');
create table shop.note (text varchar(40)) engine=aria;
insert into shop.note values ('in stock');
create user web@'%' identified by 'web';
grant all on shop.* to web@'%';
