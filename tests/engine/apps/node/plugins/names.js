// The names alone.
'use strict';

exports.show = (stars) => stars.map((star) => star.name);
