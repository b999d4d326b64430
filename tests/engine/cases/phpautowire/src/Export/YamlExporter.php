<?php
namespace App\Export;
class YamlExporter { function export($d) { return \Symfony\Component\Yaml\Yaml::dump($d); } }
