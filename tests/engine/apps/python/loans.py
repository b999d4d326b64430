"""Loans. What is overdue is worked out with modules that are imported when somebody asks."""


def overdue(days):
    from fees import fee

    return {"days": days, "fee": fee(days)}
