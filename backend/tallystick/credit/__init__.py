"""What a party's log says in money: invoices, tradelines, metrics and the report; pure, and knowing no cryptography.

What each figure means stands in ``docs/definitions.md``. From the ground up::

    money   dates   findings       amounts and currencies; days; what does not fit, as values
    content                        the fields of an entry as typed terms, or what is wrong with them
    statements                     the standing entries by what they answer; corrections settled into current terms
    invoices   cash   disputes     invoices as corrected; which payments count; which disputes are open
    deals -> states                entries -> the state of each invoice and payment
    index   sales                  the payment index; days sales outstanding
    metrics   tradelines           states -> metrics by counterparty, role and currency, and their totals
    report                         ``derive`` and ``to_json``

Example: ``to_json(derive(party, entries, as_of))["asBuyer"]["EUR"]["daysBeyondTermsWeighted"]``.
"""
