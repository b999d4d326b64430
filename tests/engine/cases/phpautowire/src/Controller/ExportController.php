<?php
namespace App\Controller;
use Symfony\Component\HttpFoundation\{Request, Response};
class ExportController { function run(Request $r) {
  $c = 'App\\Export\\'.ucfirst($r->attributes->get('kind')).'Exporter';
  return class_exists($c) ? new Response((new $c())->export(['a' => 1])) : new Response('no such format', 404); } }
