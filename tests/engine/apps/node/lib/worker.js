// The faintest of the stars, worked out beside the server.
'use strict';

const { parentPort, workerData } = require('worker_threads');
const { maximum } = require('./statistics');

parentPort.postMessage(maximum(workerData, 'magnitude').name);
