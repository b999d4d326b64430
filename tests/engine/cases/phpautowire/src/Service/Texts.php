<?php
namespace App\Service;
use Symfony\Component\Translation\{Translator, Loader\YamlFileLoader};
class Texts { function get($k, $l) { $t = new Translator($l); $t->addLoader('yaml', new YamlFileLoader());
  foreach (glob(__DIR__.'/../../translations/messages.*.yaml') as $f) $t->addResource('yaml', $f, explode('.', basename($f))[1]); return $t->trans($k); } }
