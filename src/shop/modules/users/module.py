"""The manifest of users."""

from collections.abc import AsyncIterator
from typing import Annotated

from dishka import FromComponent, Scope, provide

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.exposition import Gauges
from shop.kit.module import Module, ModuleProvider
from shop.kit.secrets import Keyring
from shop.kit.tokens import LocalKeys, Signer, Verifier
from shop.modules.users.customer_list import CustomerList
from shop.modules.users.gauges import ErasureGauges
from shop.modules.users.jobs import jobs
from shop.modules.users.letters import AccountLetters
from shop.modules.users.links import Links
from shop.modules.users.mailing import Mailing
from shop.modules.users.passwords import Passwords
from shop.modules.users.personal import PersonalData
from shop.modules.users.profiles import CustomerDirectory, Profiles
from shop.modules.users.promotion_letters import PromotionLetters
from shop.modules.users.promotions import Promotions
from shop.modules.users.routes import ROUTES
from shop.modules.users.service import Accounts
from shop.modules.users.sessions import Sessions
from shop.modules.users.store import UsersStore
from shop.modules.users.tables import METADATA, users
from shop.modules.users.unsubscribing import Unsubscribing
from shop.ports.mail import Mail
from shop.ports.sales import PurchaseHistory
from shop.ports.users import Customers
from shop.settings import Auth, Runtime, Settings

NOBODY = "Shop <shop@localhost>"  # signs the mails that no mail server is set for, in tests


class UsersProvider(ModuleProvider):
    """Builds the services of users."""

    def __init__(self) -> None:
        """Provide them in the component `users`."""
        super().__init__("users", UsersStore, METADATA, people=users)

    @provide(scope=Scope.APP)
    def keys(self, auth: Annotated[Auth, FromComponent()]) -> LocalKeys:
        """Give the keys that sign access tokens."""
        return LocalKeys(auth.signing_keys)

    @provide(scope=Scope.APP)
    def signer(self, keys: LocalKeys, auth: Annotated[Auth, FromComponent()], clock: Annotated[Clock, FromComponent()]) -> Signer:
        """Give who signs access tokens."""
        return Signer(keys, auth.issuer, clock)

    @provide(scope=Scope.APP)
    def verifier(self, keys: LocalKeys, auth: Annotated[Auth, FromComponent()], clock: Annotated[Clock, FromComponent()]) -> Verifier:
        """Give who tells the session of an access token."""
        return Verifier(keys, auth.issuer, clock)

    @provide(scope=Scope.APP)
    async def passwords(self) -> AsyncIterator[Passwords]:
        """Give the threads that hash passwords."""
        made = Passwords()
        yield made
        made.close()

    @provide(scope=Scope.APP)
    def links(self, keyring: Keyring, runtime: Annotated[Runtime, FromComponent()]) -> Links:
        """Give the links in mails."""
        return Links(keyring, runtime.public_url)

    @provide(scope=Scope.APP)
    def letters(self, links: Links, settings: Annotated[Settings, FromComponent()]) -> AccountLetters:
        """Give who writes the mails."""
        sender = settings.smtp.sender if settings.smtp else NOBODY
        return AccountLetters(sender, settings.commerce.locales, settings.runtime.public_url, lambda letter: links.token(letter.subject_id))

    @provide(scope=Scope.APP)
    def promotion_letters(self, links: Links, settings: Annotated[Settings, FromComponent()]) -> PromotionLetters:
        """Give who writes the mails of promotions."""
        return PromotionLetters(settings.smtp.sender if settings.smtp else NOBODY, settings.commerce.locales, links)

    @provide(scope=Scope.APP)
    def mailing(
        self,
        database: Database[UsersStore],
        letters: PromotionLetters,
        mail: Annotated[Mail, FromComponent()],
        settings: Annotated[Settings, FromComponent()],
    ) -> Mailing:
        """Give the queue of promotions."""
        return Mailing(database, letters, lambda message: mail.send(message=message), settings.promotions.rate)

    @provide(scope=Scope.REQUEST)
    def promotions(self, database: Database[UsersStore], letters: PromotionLetters, settings: Annotated[Settings, FromComponent()]) -> Promotions:
        """Give what staff do with promotions."""
        return Promotions(database, letters, settings.commerce.locales)

    @provide(scope=Scope.REQUEST)
    def unsubscribing(self, database: Database[UsersStore], links: Links) -> Unsubscribing:
        """Give the way out of marketing mail."""
        return Unsubscribing(database, links)

    @provide(scope=Scope.REQUEST)
    def accounts(self, database: Database[UsersStore], passwords: Passwords, links: Links) -> Accounts:
        """Give the accounts."""
        return Accounts(database, passwords, links)

    @provide(scope=Scope.REQUEST)
    def sessions(self, database: Database[UsersStore], passwords: Passwords, keyring: Keyring, signer: Signer) -> Sessions:
        """Give the sessions."""
        return Sessions(database, passwords, keyring, signer)

    @provide(scope=Scope.REQUEST)
    def profiles(self, database: Database[UsersStore], history: Annotated[PurchaseHistory, FromComponent()]) -> Profiles:
        """Give the profiles."""
        return Profiles(database, history)

    @provide(scope=Scope.APP)
    def personal(self, database: Database[UsersStore], history: Annotated[PurchaseHistory, FromComponent()]) -> PersonalData:
        """Give what is held about people."""
        return PersonalData(database, history)

    @provide(scope=Scope.APP)
    def gauges(self, database: Database[UsersStore]) -> Gauges:
        """Give what an operator sees of those who want to be forgotten."""
        return Gauges(ErasureGauges(database).read)

    @provide(scope=Scope.REQUEST)
    def customers(self, database: Database[UsersStore]) -> CustomerList:
        """Give the customers as staff see them."""
        return CustomerList(database)

    @provide(scope=Scope.REQUEST)
    def offered(self, database: Database[UsersStore]) -> Customers:
        """Give what the neighbours may ask."""
        return CustomerDirectory(database)


MODULE = Module("users", offers=(Customers,), needs=(PurchaseHistory, Mail), provider=UsersProvider, routes=ROUTES, jobs=jobs)
