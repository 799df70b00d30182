import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  onClose(): void;
}

/** A question over the page; Escape closes it, and the focus goes back to where it was. */
export function Dialog({ children, onClose, title }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onClose={onClose}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

export interface ConfirmationProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  onDone(isConfirmed: boolean): void;
}

export function Confirmation({ action, onDone, text, title }: ConfirmationProps) {
  return (
    <Dialog title={title} onClose={() => onDone(false)}>
      <p>{text}</p>
      <p class="buttons">
        <button type="button" onClick={() => onDone(false)}>
          cancel
        </button>
        <button type="button" class="primary" onClick={() => onDone(true)}>
          {action}
        </button>
      </p>
    </Dialog>
  );
}
