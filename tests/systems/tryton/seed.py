"""seed.py PRODUCTS CUSTOMERS SALES: fills an empty Tryton database from inside, in bulk. The same numbers make the same data.

Variant n is `P%03d`, costs 5.25, sells at 10 + n and some cents; every tenth template has two variants, every 25th is
archived, every third has a barcode; those of every fifth shelf are books, taxed with 6 %, the others with 21 %. Customer n
has addresses, an e-mail address and more; every seventh has a second address to deliver to, every 40th is archived. Sale n is
for customer n, of one to three lines. Of eight sales four are confirmed and processed, which makes shipments and invoices, two
stay quotations, one is a draft, one is cancelled. Every second invoice is posted. Stock lies in the storage zone and on a shelf
within it.
"""
import datetime as dt
import os
import sys
from decimal import Decimal

import trytond.config as config

config.update_etc(os.environ["TRYTOND_CONFIG"])
from trytond.pool import Pool  # noqa: E402  (after the configuration)
from trytond.transaction import Transaction, TransactionError  # noqa: E402

products, customers, sales = (int(word) for word in sys.argv[1:4])
Pool.start()
Pool("tryton").init()


def step(work, user=1, **context):
    """Runs one step in a transaction; again with what it asks for (a table to lock from the start)."""
    extras = {}
    while True:
        with Transaction().start("tryton", user, context=context, **extras) as transaction:
            try:
                return work(Pool())
            except TransactionError as error:
                transaction.rollback()
                error.fix(extras)


def portions(values):
    """40 at a time: Tryton checks records with one condition over all of them, which SQLite's parser can't take for more."""
    return (values[at:at + 40] for at in range(0, len(values), 40))


def ean(n):
    """A number of 13 digits with its check digit."""
    digits = f"400000{n:06}"
    return digits + str(-sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits)) % 10)


def belgian_vat(n):
    """A number with its check digits."""
    base = 4_000_000 + n * 97 + n % 13
    return f"BE{base:08}{97 - base % 97:02}"


def create_company(pool):
    Company, Party, Currency, User = (pool.get(name) for name in ("company.company", "party.party", "currency.currency", "res.user"))
    euro, = Currency.create([{"name": "Euro", "code": "EUR", "numeric_code": "978", "symbol": "€", "rounding": Decimal("0.01"), "digits": 2,
                              "rates": [("create", [{"date": dt.date(2020, 1, 1), "rate": Decimal(1)}])]}])
    party, = Party.create([{"name": "Demo Company"}])
    company, = Company.create([{"party": party.id, "currency": euro.id}])
    admin, = User.search([("login", "=", "admin")])
    User.write([admin], {"companies": [("add", [company.id])], "company": company.id})
    return company.id, admin.id


def account(pool, kind):
    return pool.get("account.account").search([(f"type.{kind}", "=", True), ("closed", "!=", True), ("company", "=", company_id)], limit=1)[0]


def create_accounts(pool):
    AccountTemplate = pool.get("account.account.template")
    CreateChart = pool.get("account.create_chart", type="wizard")
    template, = AccountTemplate.search([("parent", "=", None)], limit=1)
    session, _, _ = CreateChart.create()
    wizard = CreateChart(session)
    wizard.account.account_template, wizard.account.company = template, company_id
    wizard.transition_create_account()


def create_taxes(pool):
    Configuration, Tax, Group = (pool.get(name) for name in ("account.configuration", "account.tax", "account.tax.group"))
    Configuration.write([Configuration(1)], {"default_account_receivable": account(pool, "receivable").id, "default_account_payable": account(pool, "payable").id})
    group, = Group.create([{"name": "VAT", "code": "VAT", "kind": "sale"}])
    owed = account(pool, "payable").id
    Tax.create([{"name": f"VAT {rate} %", "description": f"{rate} % VAT", "type": "percentage", "rate": Decimal(rate) / 100, "group": group.id,
                 "invoice_account": owed, "credit_note_account": owed} for rate in (21, 6)])


def create_products(pool):
    high, low = pool.get("account.tax").search([], order=[("rate", "DESC")])
    Category = pool.get("product.category")
    accounts = {"accounting": True, "account_expense": account(pool, "expense").id, "account_revenue": account(pool, "revenue").id}
    goods, books = Category.create([{"name": name, "customer_taxes": [("add", [tax.id])], **accounts} for name, tax in (("Goods", high), ("Books", low))])
    room, = Category.create([{"name": "Room"}])
    shelves = Category.create([{"name": f"Shelf {n}", "parent": room.id} for n in range(8)])
    Unit, Kilogram = (pool.get("product.uom").search([("name", "=", name)])[0] for name in ("Unit", "Kilogram"))
    Term = pool.get("account.invoice.payment_term")
    Term.create([{"name": "Direct", "lines": [("create", [{"type": "remainder"}])]}])
    Template = pool.get("product.template")
    values, made = [], 0
    while made < products:
        t = len(values)
        variants = 2 if t % 10 == 9 and made + 1 < products else 1
        unit = Kilogram if t % 17 == 5 else Unit
        values.append({
            "name": f"Product {made:03}", "code": f"T{made:03}" if variants > 1 else None, "default_uom": unit.id, "sale_uom": unit.id,
            "type": "service" if t % 23 == 7 else "goods", "salable": True,
            "list_price": 10 + made + Decimal(made * 37 % 100) / 100, "account_category": (books if t % 5 == 0 else goods).id,
            "categories": [("add", [shelves[made % len(shelves)].id])],
            "products": [("create", [{"suffix_code": f"P{n:03}" if variants == 1 else f"-P{n:03}", "cost_price": Decimal("5.25"), "description": f"About product {n}",
                                      "identifiers": [("create", [{"type": "ean", "code": ean(n)}])] if n % 3 == 0 else []}
                                     for n in range(made, made + variants)])]})
        made += variants
    for portion in portions(values):
        Template.create(portion)
    Template.write(Template.search([], order=[("id", "ASC")])[24::25], {"active": False})


def every_product(pool):
    return pool.get("product.product").search([("suffix_code", "like", "%P%")], order=[("id", "ASC")])


def create_stock(pool):
    Inventory, Location = (pool.get(name) for name in ("stock.inventory", "stock.location"))
    storage, = Location.search([("code", "=", "STO")])
    shelf, = Location.create([{"name": "Top shelf", "code": "TOP", "type": "storage", "parent": storage.id}])
    goods = [product for product in every_product(pool) if product.type == "goods"]
    places = [(storage, goods, 100), (shelf, goods[::4], 7)]
    inventories = Inventory.create([{"location": place.id, "company": company_id,
                                     "lines": [("create", [{"product": p.id, "quantity": base + n} for n, p in enumerate(there)])]} for place, there, base in places])
    Inventory.confirm(inventories)


def create_customers(pool):
    Party, Country, State, Lang = (pool.get(name) for name in ("party.party", "country.country", "country.subdivision", "ir.lang"))
    belgium, france = Country.create([{"name": "Belgium", "code": "BE"}, {"name": "France", "code": "FR"}])
    brussels, antwerp = State.create([{"name": name, "code": code, "type": kind, "country": belgium.id}
                                      for name, code, kind in (("Brussels", "BE-BRU", "region"), ("Antwerp", "BE-VAN", "province"))])
    french, = Lang.search([("code", "=", "fr")])

    def person(n):
        reached = [("email", f"c{n:03}@example.org"), ("phone", f"+32 2 555 {n:04}")]
        reached += [("mobile", f"+32 470 55 {n:04}")] if n % 4 == 0 else []
        reached += [("website", f"https://c{n:03}.example.org")] if n % 6 == 0 else []
        home = {"street": f"Rue du Marché {n + 1}\nBoîte {n}", "postal_code": f"{1000 + n}", "city": "Bruxelles", "country": belgium.id,
                "subdivision": brussels.id if n % 2 else antwerp.id, "invoice": True}
        depot = {"party_name": f"Depot {n}", "street": f"Quai {n}", "postal_code": "59000", "city": "Lille", "country": france.id, "delivery": True}
        return {"name": f"Customer {n:03}", "code": f"C{n:03}", "lang": french.id if n % 3 == 0 else None, "active": n % 40 != 39,
                "contact_mechanisms": [("create", [{"type": kind, "value": value} for kind, value in reached])],
                "identifiers": [("create", [{"type": "be_vat", "code": belgian_vat(n)}])] if n % 5 == 0 else [],
                "addresses": [("create", [home, depot] if n % 7 == 0 else [home])]}

    for portion in portions([person(n) for n in range(customers)]):
        Party.create(portion)


def create_sales(pool):
    Sale, Line, Party = (pool.get(name) for name in ("sale.sale", "sale.line", "party.party"))
    goods = [product for product in every_product(pool) if product.active]
    people = Party.search([("name", "like", "Customer %")], order=[("name", "ASC")])
    term, = pool.get("account.invoice.payment_term").search([("name", "=", "Direct")])
    made = []
    for n in range(sales):
        sale = Sale(party=people[n % len(people)], company=company_id)
        sale.on_change_party()
        sale.payment_term, sale.sale_date, sale.reference = term, dt.date(2026, 1, 1) + dt.timedelta(days=n % 300), f"REF{n:04}"
        sale.comment = f"Ring twice, sale {n}" if n % 9 == 0 else None
        lines = []
        for k in range(1 + n % 3):
            line = Line(sale=sale, type="line", product=goods[(n * 3 + k) % len(goods)], quantity=1 + (n + k) % 4, sequence=k + 1)
            line.on_change_product()
            lines.append(line)
        if n % 11 == 0:
            lines.append(Line(sale=sale, type="comment", description=f"Thank you {n}", sequence=len(lines) + 1))
        sale.lines = lines
        made.append(sale)
    for portion in portions(made):
        Sale.save(portion)
        Sale.quote([sale for n, sale in enumerate(portion) if n % 8 != 0])
        Sale.confirm(portion[1::2])
        Sale.process(portion[1::2])
        Sale.cancel(portion[2::8])


def create_fiscal_year(pool):
    Year, Strict, Type = (pool.get(name) for name in ("account.fiscalyear", "ir.sequence.strict", "ir.sequence.type"))
    kind, = Type.search([("name", "=", "Invoice")])
    move_kind, = Type.search([("name", "=", "Account Move")])
    numbers, = Strict.create([{"name": "Invoice", "sequence_type": kind.id, "company": company_id}])
    moves, = Strict.create([{"name": "Move", "sequence_type": move_kind.id, "company": company_id}])
    this_year = dt.date.today().year
    year, = Year.create([{"name": str(this_year), "company": company_id, "start_date": dt.date(this_year, 1, 1), "end_date": dt.date(this_year, 12, 31),
                          "move_sequence": moves.id,
                          "invoice_sequences": [("create", [{"company": company_id, "in_invoice_sequence": numbers.id, "in_credit_note_sequence": numbers.id,
                                                             "out_invoice_sequence": numbers.id, "out_credit_note_sequence": numbers.id}])]}])
    Year.create_period([year])


def post_invoices(pool):
    Invoice = pool.get("account.invoice")
    # By id, not by state: a step that is run again finds what its first try left.
    invoices = Invoice.search([], order=[("id", "ASC")])[::2]
    Invoice.write([invoice for invoice in invoices if invoice.state == "draft"], {"invoice_date": dt.date.today()})
    for portion in portions(invoices):
        Invoice.post(portion)


company_id, admin_id = step(create_company)
for work in (create_accounts, create_taxes, create_products, create_stock, create_customers, create_sales, create_fiscal_year, post_invoices):
    step(work, admin_id, company=company_id)
