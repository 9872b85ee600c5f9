"""seed.py PRODUCTS CUSTOMERS SALES: fills an empty Tryton database from inside, in bulk. The same numbers make the same data.

Product n is `P%03d`, costs 5, sells at 10 + n; every tenth is a template with two variants. Customer n has an e-mail address
and a phone number. Sale n is for customer n, of one to three lines; odd ones are confirmed and
processed, which makes a shipment and an invoice; even ones stay quotations. Every second invoice is posted.
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


def create_products(pool):
    Configuration = pool.get("account.configuration")
    Configuration.write([Configuration(1)], {"default_account_receivable": account(pool, "receivable").id, "default_account_payable": account(pool, "payable").id})
    Category = pool.get("product.category")
    goods, = Category.create([{"name": "Goods", "accounting": True, "account_expense": account(pool, "expense").id, "account_revenue": account(pool, "revenue").id}])
    shelves = Category.create([{"name": f"Shelf {n}"} for n in range(8)])
    Unit, = pool.get("product.uom").search([("name", "=", "Unit")])
    Term = pool.get("account.invoice.payment_term")
    term, = Term.create([{"name": "Direct", "lines": [("create", [{"type": "remainder"}])]}])
    Template = pool.get("product.template")
    values, made = [], 0
    while made < products:
        variants = 2 if made % 10 == 9 and made + 1 < products else 1
        values.append({
            "name": f"Product {made:03}", "default_uom": Unit.id, "sale_uom": Unit.id, "type": "goods", "salable": True, "list_price": Decimal(10 + made),
            "account_category": goods.id, "categories": [("add", [shelves[made % len(shelves)].id])],
            "products": [("create", [{"suffix_code": f"P{made + v:03}", "cost_price": Decimal(5), "description": f"About product {made + v}"}
                                     for v in range(variants)])]})
        made += variants
    for portion in portions(values):
        Template.create(portion)


def create_stock_and_customers(pool):
    Product, Inventory, Location = (pool.get(name) for name in ("product.product", "stock.inventory", "stock.location"))
    storage, = Location.search([("code", "=", "STO")])
    goods = Product.search([("code", "like", "P%")], order=[("code", "ASC")])
    inventory, = Inventory.create([{"location": storage.id, "company": company_id,
                                    "lines": [("create", [{"product": p.id, "quantity": 100 + n} for n, p in enumerate(goods)])]}])
    Inventory.confirm([inventory])
    Party, Country = pool.get("party.party"), pool.get("country.country")
    belgium, = Country.create([{"name": "Belgium", "code": "BE"}])
    people = [{"name": f"Customer {n:03}", "code": f"C{n:03}",
                   "contact_mechanisms": [("create", [{"type": "email", "value": f"c{n:03}@example.org"}, {"type": "phone", "value": f"+32 2 555 {n:04}"}])],
                   "addresses": [("create", [{"street": f"Rue du Marché {n + 1}", "postal_code": f"{1000 + n}", "city": "Bruxelles", "country": belgium.id}])]}
              for n in range(customers)]
    for portion in portions(people):
        Party.create(portion)


def create_sales(pool):
    Sale, Line, Product, Party = (pool.get(name) for name in ("sale.sale", "sale.line", "product.product", "party.party"))
    goods = Product.search([("code", "like", "P%")], order=[("code", "ASC")])
    people = Party.search([("name", "like", "Customer %")], order=[("name", "ASC")])
    term, = pool.get("account.invoice.payment_term").search([("name", "=", "Direct")])
    made = []
    for n in range(sales):
        sale = Sale(party=people[n % len(people)], company=company_id)
        sale.on_change_party()
        sale.payment_term, sale.sale_date, sale.reference = term, dt.date(2026, 1, 1) + dt.timedelta(days=n % 300), f"REF{n:04}"
        lines = []
        for k in range(1 + n % 3):
            line = Line(sale=sale, type="line", product=goods[(n * 3 + k) % len(goods)], quantity=1 + (n + k) % 4)
            line.on_change_product()
            lines.append(line)
        sale.lines = lines
        made.append(sale)
    for portion in portions(made):
        Sale.save(portion)
        Sale.quote(portion)
        Sale.confirm(portion[1::2])
        Sale.process(portion[1::2])


def create_fiscal_year(pool):
    Year, Sequence, Strict, Type = (pool.get(name) for name in ("account.fiscalyear", "ir.sequence", "ir.sequence.strict", "ir.sequence.type"))
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
    invoices = [invoice for invoice in Invoice.search([], order=[("id", "ASC")])[::2] if invoice.state == "draft"]
    Invoice.write(invoices, {"invoice_date": dt.date.today()})
    for portion in portions(invoices):
        Invoice.validate_invoice(portion)
        Invoice.post(Invoice.browse(portion))


company_id, admin_id = step(create_company)
for work in (create_accounts, create_products, create_stock_and_customers, create_sales, create_fiscal_year, post_invoices):
    step(work, admin_id, company=company_id)
