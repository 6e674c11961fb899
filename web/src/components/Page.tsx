import { Link } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { Icon } from "./icons";
import classes from "./Page.module.css";

export interface Crumb {
  label: string;
  to: string;
}

interface Props {
  title: string;
  /** The way here: plant, area, device. The title itself is the last step. */
  crumbs?: readonly Crumb[];
  /** Beside the title: state, subtitle. */
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** Heading, breadcrumb and actions of a page; sets the document's title. */
export function Page({ title, crumbs = [], aside, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Andon`;
  }, [title]);
  return (
    <div className={classes["page"]}>
      {crumbs.length > 0 && (
        <nav aria-label="Breadcrumb">
          <ol className={classes["crumbs"]}>
            {crumbs.map((crumb) => (
              <li key={crumb.to}>
                <Link to={crumb.to}>{crumb.label}</Link>
                <Icon name="chevron" size={14} />
              </li>
            ))}
            <li aria-current="page">{title}</li>
          </ol>
        </nav>
      )}
      <header className={classes["head"]}>
        <h1 className={classes["title"]}>{title}</h1>
        {aside && <div className={classes["aside"]}>{aside}</div>}
        {actions && <div className={classes["actions"]}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  title?: string;
  actions?: ReactNode;
  /** No inner padding, for tables and lists. */
  flush?: boolean;
  children: ReactNode;
}

/** A surface with a heading. */
export function Panel({ title, actions, flush = false, children }: PanelProps) {
  return (
    <section className={classes["panel"]} aria-label={title}>
      {(title ?? actions) && (
        <div className={classes["panelHead"]}>
          {title && <h2 className={classes["panelTitle"]}>{title}</h2>}
          {actions}
        </div>
      )}
      <div className={flush ? undefined : classes["panelBody"]} data-flush={flush || undefined}>
        {children}
      </div>
    </section>
  );
}
