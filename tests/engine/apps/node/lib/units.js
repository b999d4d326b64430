// Light and what it takes.
'use strict';

exports.lightMinutes = (kilometres) => Math.round(kilometres / 299792.458 / 60);
