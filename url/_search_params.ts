/**
 * The params of a URL, decoded; a {@linkcode Url} never changes, so neither do
 * they.
 */
export class ReadonlySearchParams extends URLSearchParams {
  override append(): never {
    return refuse();
  }

  override delete(): never {
    return refuse();
  }

  override set(): never {
    return refuse();
  }

  override sort(): never {
    return refuse();
  }
}

function refuse(): never {
  throw new TypeError(
    "Cannot change searchParams: a Url never changes, and url.with({ params }) makes another",
  );
}
