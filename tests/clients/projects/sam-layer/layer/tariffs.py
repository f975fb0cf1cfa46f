def price(kwh):
    return round(kwh * 0.31, 2)
