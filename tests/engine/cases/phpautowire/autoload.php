<?php
foreach (['Twig','Symfony/Component/Console','Symfony/Component/HttpKernel','Symfony/Component/DependencyInjection','Symfony/Component/Config','Symfony/Component/Yaml','Symfony/Component/Routing','Symfony/Component/Translation','Symfony/Component/Serializer','Symfony/Component/PropertyAccess','Symfony/Component/Cache','Symfony/Component/ErrorHandler','Monolog','Twig/Extra/String'] as $p)
  if (is_file("/usr/share/php/$p/autoload.php")) require_once "/usr/share/php/$p/autoload.php";
spl_autoload_register(function ($c) { if (str_starts_with($c, 'App\\')) { $f = __DIR__.'/src/'.strtr(substr($c, 4), '\\', '/').'.php'; if (is_file($f)) require $f; } });
