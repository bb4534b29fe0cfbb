"""The business day of a branch: it begins at a time of the branch's clock, so that midnight cuts no evening."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY_STARTS = "04:00"


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """A clock of business days. Each is named by the date on which it begins.

    Attributes:
        zone: The branch's time zone.
        starts: The time of its clock at which a day begins.
    """

    zone: ZoneInfo
    starts: time

    @classmethod
    def of(cls, timezone: str, starts: str = DAY_STARTS) -> BusinessDay:
        """Return the business days of a time zone, each from a time such as `04:00` on."""
        return cls(ZoneInfo(timezone), time.fromisoformat(starts))

    def at(self, now: datetime) -> date:
        """Return the day of a moment. It never goes back, whatever the clocks are changed."""
        day = now.astimezone(self.zone).date()
        return day if self.begins(day) <= now else day - timedelta(days=1)

    def begins(self, day: date) -> datetime:
        """Return the moment at which a day begins, in UTC.

        Of a time that comes twice, it is the first; of one that is left out, the moment at which it would have been.
        """
        return datetime.combine(day, self.starts, self.zone).astimezone(UTC)

    def ends(self, day: date) -> datetime:
        """Return the moment at which a day ends and the next one begins, in UTC."""
        return self.begins(day + timedelta(days=1))
