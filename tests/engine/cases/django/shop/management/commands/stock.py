from django.core.management.base import BaseCommand

from shop.models import Item


class Command(BaseCommand):
    def handle(self, *args, **options):
        self.stdout.write(f"items: {Item.objects.count()}")
