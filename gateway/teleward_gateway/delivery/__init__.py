"""Delivery: each sink gets every record of its kinds, live first, the backlog behind."""

from teleward_gateway.delivery.delivery import Delivery, DeliveryConfig
from teleward_gateway.delivery.status import DeliveryStatus

__all__ = ["Delivery", "DeliveryConfig", "DeliveryStatus"]
