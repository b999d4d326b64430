<?php
namespace App\Export;
use Symfony\Component\Serializer\{Serializer, Encoder\XmlEncoder};
class XmlExporter { function export($d) { return (new Serializer([], [new XmlEncoder()]))->encode($d, 'xml'); } }
