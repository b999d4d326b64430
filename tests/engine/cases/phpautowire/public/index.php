<?php
require __DIR__.'/../autoload.php';
use Symfony\Component\HttpFoundation\{Request, Response};
use Symfony\Component\DependencyInjection\{ContainerBuilder, Loader\YamlFileLoader as DiLoader};
use Symfony\Component\Routing\{Loader\YamlFileLoader, RequestContext, Matcher\UrlMatcher};
use Symfony\Component\Config\FileLocator;
$r = Request::createFromGlobals();
if ($r->getPathInfo() === '/') { (new Response('symf'))->send(); return; }
if (getenv('APP_DEBUG')) Symfony\Component\ErrorHandler\Debug::enable();
$l = new FileLocator(__DIR__.'/../config');
$c = new ContainerBuilder(); (new DiLoader($c, $l))->load('services.yaml'); $c->compile();
$m = new UrlMatcher((new YamlFileLoader($l))->load('routes.yaml'), (new RequestContext())->fromRequest($r));
try { $p = $m->match($r->getPathInfo()); }
catch (Symfony\Component\Routing\Exception\ResourceNotFoundException $e) { (new Response('no such page', 404))->send(); return; }
[$class, $method] = explode('::', $p['_controller']);
$r->attributes->add($p);
$c->get($class)->$method($r)->send();
