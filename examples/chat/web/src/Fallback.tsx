import { Component, type ReactNode } from "react";

/** Stands in for what cannot be shown: a query that fails throws where its answer is used. */
export class Fallback extends Component<
  { shown: ReactNode; children: ReactNode },
  { hasFailed: boolean }
> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    return this.state.hasFailed ? this.props.shown : this.props.children;
  }
}
