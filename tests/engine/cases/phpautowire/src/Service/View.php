<?php
namespace App\Service;
class View { function render($n, $v) { $t = new \Twig\Environment(new \Twig\Loader\FilesystemLoader(__DIR__.'/../../templates'), ['cache' => '/tmp/twig']);
  foreach (['Twig\Extra\String\StringExtension'] as $e) $t->addExtension(new $e());
  return $t->render($n, $v); } }
