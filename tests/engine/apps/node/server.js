// An observatory's site. Its front page needs little; each of its other pages needs something of its own.
'use strict';

const path = require('path');
const express = require('express');

const STARS = [
  { name: 'Sirius', magnitude: -1.46 },
  { name: 'Véga', magnitude: 0.03 },
];
const app = express();
app.set('view engine', 'ejs');
app.set('views', path.join(__dirname, 'views'));
app.set('etag', false);
app.use('/static', express.static(path.join(__dirname, 'public')));

app.get('/', (request, response) => response.render('front', { stars: STARS }));
app.get('/stars/:number', (request, response) => response.render('star', { star: STARS[request.params.number - 1] }));
app.get('/report', (request, response) => response.render('report', { stars: STARS }));

app.get('/export.csv', (request, response) => {
  const { stringify } = require('csv-stringify/sync');
  response.type('text/csv').send(stringify(STARS, { header: true }));
});

app.get('/export.xml', (request, response) => {
  const { XMLBuilder } = require('fast-xml-parser');
  response.type('application/xml').send(new XMLBuilder({ format: true }).build({ stars: { star: STARS } }));
});

app.get('/download/:kind', (request, response, next) => {
  const zlib = require('zlib');
  const text = JSON.stringify(STARS);
  if (request.params.kind === 'gz') return response.type('application/gzip').send(zlib.gzipSync(text));
  if (request.params.kind === 'br') return response.type('application/x-brotli').send(zlib.brotliCompressSync(text));
  return next();
});

app.get('/charset/:name', (request, response) => {
  const iconv = require('iconv-lite');
  response.type('text/plain').send(iconv.encode('Véga: 25 光年', request.params.name));
});

app.get('/decoder/:name', (request, response) => {
  response.json(new TextDecoder(request.params.name).decode(Buffer.from([0x83, 0x78, 0x83, 0x4b])));
});

app.get('/time/:area/:city', (request, response) => {
  const { DateTime } = require('luxon');
  const zone = `${request.params.area}/${request.params.city}`;
  response.json(DateTime.fromISO('2024-07-01T12:00:00Z', { zone }).toFormat('HH:mm ZZZZ'));
});

app.get('/number/:language', (request, response) => {
  response.json(new Intl.NumberFormat(request.params.language).format(1234567.89));
});

app.get('/hello/:language', (request, response) => {
  response.json(require(`./locales/${request.params.language}.json`).hello);
});

app.get('/plugin/:name', (request, response) => {
  response.json(require('./plugins/' + path.basename(request.params.name)).show(STARS));
});

app.get('/distance', async (request, response) => {
  const { parsecs } = await import('./lib/distance.mjs');
  response.json(parsecs(8.6));
});

app.get('/light', (request, response) => response.json(require('#units').lightMinutes(149.6e6)));

app.get('/chart.png', (request, response) => {
  const { PNG } = require('pngjs');
  const image = new PNG({ width: 8, height: 8 });
  image.data.fill(0x7f);
  response.type('image/png').send(PNG.sync.write(image));
});

app.get('/check', (request, response) => {
  const Ajv = require('ajv');
  const validate = new Ajv().compile({ type: 'object', required: ['name'] });
  validate({});
  response.json(validate.errors.map((error) => error.message));
});

app.get('/check/2020', (request, response) => {
  const Ajv2020 = require('ajv/dist/2020').default;
  const validate = new Ajv2020().compile({ type: 'array', prefixItems: [{ type: 'number' }] });
  response.json(validate(['one']));
});

app.get('/words', (request, response, next) => {
  const { execFile } = require('child_process');
  const child = execFile('sort', ['-r'], (error, output) => (error ? next(error) : response.json(output.split('\n'))));
  child.stdin.end(STARS.map((star) => star.name).join('\n') + '\n');
});

app.get('/names', (request, response, next) => {
  require('dns').lookup('localhost', { family: 4 }, (error, address) => (error ? next(error) : response.json(address)));
});

app.get('/user', (request, response) => response.json(require('os').userInfo().username));

app.get('/tls', (request, response) => {
  const context = require('tls').createSecureContext({ minVersion: 'TLSv1.2' });
  response.json({ context: Boolean(context.context), roots: require('tls').rootCertificates.length > 50 });
});

app.get('/digest/:name', (request, response) => {
  response.json(require('crypto').createHash(request.params.name).update('Sirius').digest('hex'));
});

app.get('/worker', (request, response, next) => {
  const { Worker } = require('worker_threads');
  const worker = new Worker(path.join(__dirname, 'lib', 'worker.js'), { workerData: STARS });
  worker.once('message', (message) => response.json(message)).once('error', next);
});

app.get('/almanac', (request, response, next) => {
  require('fs').readFile(path.join(__dirname, 'lib', 'almanac.txt'), 'utf8', (error, text) =>
    error ? next(error) : response.type('text/plain').send(text));
});

app.get('/crash', () => {
  throw new Error('the dome is stuck');
});

app.use((request, response) => response.status(404).render('errors/404'));
// eslint-disable-next-line no-unused-vars
app.use((error, request, response, next) => response.status(500).render('errors/500'));

app.listen(3000);
