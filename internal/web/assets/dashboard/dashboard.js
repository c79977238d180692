// On a narrow screen asynqmon's menu begins closed: open, it leaves no room for the page.
try {
  if (innerWidth < 700 && !localStorage.getItem("asynqmon:state")) {
    localStorage.setItem("asynqmon:state", '{"settings":{"isDrawerOpen":false}}');
  }
} catch {} // a browser that keeps nothing
