import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { explain } from "@/api/errors";
import { signIn } from "@/api/session";
import { useUrlState } from "@/lib/urlState";
import classes from "./LoginPage.module.css";
import { safeNext } from "./next";

export default function LoginPage() {
  const [{ next }] = useUrlState<"next">();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const navigate = useNavigate();
  const login = useMutation({
    mutationFn: () => signIn(username, password),
    onSuccess: () => navigate({ href: safeNext(next), replace: true }),
  });
  useEffect(() => {
    document.title = "Sign in · Andon";
  }, []);
  return (
    <main className={classes["page"]}>
      <form
        className={classes["card"]}
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate();
        }}
      >
        <img src="/andon.svg" alt="" width="44" height="44" />
        <h1 className={classes["title"]}>Sign in to Andon</h1>
        <Stack gap="md">
          <TextInput
            label="User name"
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            size="md"
            required
            withAsterisk={false}
            autoFocus
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            name="password"
            autoComplete="current-password"
            size="md"
            required
            withAsterisk={false}
            visibilityToggleButtonProps={{ "aria-label": "Show the password", tabIndex: 0 }}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <div role="alert" className={classes["error"]}>
            {login.error ? explain(login.error) : null}
          </div>
          <Button type="submit" size="md" loading={login.isPending}>
            Sign in
          </Button>
        </Stack>
        <p className={classes["hint"]}>The first administrator&apos;s password was shown once, where Andon was started.</p>
      </form>
    </main>
  );
}
