// The brightest star.
'use strict';

const { maximum } = require('../lib/statistics');

exports.show = (stars) => maximum(stars.map((star) => ({ ...star, bright: -star.magnitude })), 'bright').name;
