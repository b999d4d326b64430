// Statistics of lists of objects.
'use strict';

exports.maximum = (list, key) => list.reduce((most, item) => (item[key] > most[key] ? item : most));
