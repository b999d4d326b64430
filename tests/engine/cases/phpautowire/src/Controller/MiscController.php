<?php
namespace App\Controller;
use Symfony\Component\HttpFoundation\{Request, Response};
class MiscController { function run(Request $r) { return new Response((string) match ($r->attributes->get('what')) {
  'log' => $this->log(),
  'cache' => (new \Symfony\Component\Cache\Adapter\FilesystemAdapter('', 0, '/tmp/c'))->get('a', fn() => 5),
  'boom' => throw new \RuntimeException('boom'),
  }); }
  function log() { $l = new \Monolog\Logger('a'); $h = new \Monolog\Handler\RotatingFileHandler('/tmp/a.log'); $h->setFormatter(new \Monolog\Formatter\JsonFormatter()); $l->pushHandler($h); $l->error('x'); return 'logged'; }
}
