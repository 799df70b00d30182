import type { ComponentChildren } from 'preact';

/** Something wide or long in a frame of its own, which keys scroll as well. */
export function Scrolled({
  children,
  title,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached without a pointer
    <section class="table-scroller" tabIndex={0} aria-label={title}>
      {children}
    </section>
  );
}
