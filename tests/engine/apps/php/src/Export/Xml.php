<?php

namespace Cinema\Export;

use Cinema\Minutes;

/** Films as an XML document. */
final class Xml
{
    public static function of(array $films): string
    {
        $document = new \DOMDocument('1.0', 'UTF-8');
        $root = $document->appendChild($document->createElement('films'));
        foreach ($films as $film) {
            $root->appendChild($document->createElement('film', $film['title']))
                ->setAttribute('length', Minutes::clock($film['minutes']));
        }
        return $document->saveXML();
    }
}
