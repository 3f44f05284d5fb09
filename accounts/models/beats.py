"""What the worker did last, as it tells itself."""

from django.db import models
from django.utils import timezone


class WorkerBeat(models.Model):
    """The last round of one task, whichever worker ran it. Written by config.beats alone, some seconds late."""

    task = models.CharField(max_length=40, primary_key=True)
    worker = models.CharField(max_length=80)  # host and process
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)  # of the last round that ended; a round under way began after it
    seconds = models.FloatField(default=0)  # that round took
    count = models.PositiveBigIntegerField(default=0)  # things done since this worker started
    failures = models.PositiveIntegerField(default=0)  # rounds that failed in a row, up to the last one

    def __str__(self) -> str:
        return self.task
