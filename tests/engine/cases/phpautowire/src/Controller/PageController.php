<?php
namespace App\Controller;
use App\Service\{View, Texts};
use Symfony\Component\HttpFoundation\{Request, Response};
class PageController { function __construct(private View $view, private Texts $texts) {}
  function show(Request $r) { return new Response($this->view->render('page.html.twig', ['t' => $this->texts->get('hello', $r->attributes->get('lang')), 'lang' => $r->attributes->get('lang')])); } }
