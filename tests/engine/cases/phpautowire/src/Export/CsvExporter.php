<?php
namespace App\Export;
use Symfony\Component\Serializer\{Serializer, Encoder\CsvEncoder, Normalizer\ObjectNormalizer};
class CsvExporter { function export($d) { return (new Serializer([new ObjectNormalizer()], [new CsvEncoder()]))->serialize($d, 'csv'); } }
